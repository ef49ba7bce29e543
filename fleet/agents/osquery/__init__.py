"""What osqueryd asks and answers."""
