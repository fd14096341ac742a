"""From a record's bytes to an event of a source that is heard, or why it is none."""

from sendto.events.decode import Headers, Rejection, RejectReason, decode
from sendto.events.envelope import CustomerEvent
from sendto_dispatcher.intake.phones import with_e164
from sendto_dispatcher.settings import IntakeSettings, SourcesSettings


def hear(
    key: bytes | None, value: bytes | None, headers: Headers, settings: IntakeSettings, sources: SourcesSettings
) -> CustomerEvent | Rejection:
    """Decode a record by the configuration in force."""
    decoded = decode(key, value, headers, max_bytes=settings.max_event_bytes)
    if isinstance(decoded, Rejection):
        return decoded
    if not sources.heard(decoded.source):
        reason, detail = RejectReason.SOURCE_NOT_ALLOWED, "its source is not on the list of those heard"
        return Rejection(reason, detail, decoded.source, decoded.order_id)
    return with_e164(decoded, settings.default_region)
