"""The webhook adapter: any system that takes signed CloudEvents (Standard Webhooks)."""

from sendto_dispatcher.adapters.webhook.adapter import WebhookAdapter
from sendto_dispatcher.adapters.webhook.config import WebhookConfig

__all__ = ["WebhookAdapter", "WebhookConfig"]
