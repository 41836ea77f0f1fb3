"""What a real peer has said once, kept in a file, and said again in virtual time."""
