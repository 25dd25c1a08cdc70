"""Plain data and objects: a spec says what Python says, and the dataclass fields are the only schema."""
