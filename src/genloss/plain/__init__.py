"""Objects as plain data, text made safe to show, keys that stay hidden, and files."""
