"""What people do, in real Chromium, against a real server with simulated hosts."""
