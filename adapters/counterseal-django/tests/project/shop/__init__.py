"""What a project sells."""
