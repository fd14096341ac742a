"""The adapter of the sandbox provider (`sendto sandbox`)."""

from sendto_dispatcher.adapters.sandbox.adapter import SandboxAdapter, SandboxConfig

__all__ = ["SandboxAdapter", "SandboxConfig"]
