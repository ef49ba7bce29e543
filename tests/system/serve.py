"""`python -m fleet serve`, but the clock looks every second at what is due, not every minute."""

from fleet.__main__ import run
from fleet.cron import runner

if __name__ == "__main__":
    runner.LOOK = 1
    run()
