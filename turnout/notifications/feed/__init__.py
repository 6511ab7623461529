"""What happened, in an order that readers can follow without missing anything."""
