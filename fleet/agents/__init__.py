"""The door of the agents."""
