"""The two ways a chain can be refused, each in one line."""


class SpecError(ValueError):
    """What was asked for cannot be: the message says where, what is wrong and what would be right."""


class NotExact(TypeError):
    """The exact engine has no exact form for a part of this chain; the message names the part."""
