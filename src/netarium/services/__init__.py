"""What answers inside a node: a module for each kind of service, and what they share."""
