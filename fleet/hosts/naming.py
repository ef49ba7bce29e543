"""What people call a host."""


def shown_name(computer_name: str, hostname: str, hardware_model: str, hardware_serial: str) -> str:
    """Its computer name, else its hostname, else its model and serial number if it told both."""
    if computer_name or hostname:
        return computer_name or hostname
    return f"{hardware_model} ({hardware_serial})" if hardware_model and hardware_serial else ""
