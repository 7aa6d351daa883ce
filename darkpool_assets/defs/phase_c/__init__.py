"""Phase C: what is inferred of a whole day. Every asset here asks the gate for its own partition before it makes anything."""
