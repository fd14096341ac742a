"""What can go wrong in bringing a system up.

UpFailed       expected: one clear line for a person
"""


class UpFailed(Exception):  # noqa: N818 - it reads as the sentence it prints
    """The system, or a part of it, cannot be brought up; its text is one clear line without a stack trace."""
