"""Scripted providers: they hold what they are sent, as their documents say, and fail when they are told to."""
