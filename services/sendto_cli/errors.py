"""What a command says when it cannot do its work.

CommandFailed      expected: one clear line on standard error, exit code 1
"""


class CommandFailed(Exception):  # noqa: N818 - it reads as the sentence it prints
    """An expected failure of a command; its text is one clear line for a person, without a stack trace."""
