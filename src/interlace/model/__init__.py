"""What was asked, what was answered, what was seen: plain frozen data, no behaviour of its own."""
