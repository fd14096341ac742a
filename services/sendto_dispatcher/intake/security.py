"""FastStream's form of how to reach a secured Kafka."""

from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from sendto.runtime.kafka import tls_context
from sendto.runtime.settings import KafkaSettings

_SASL = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}


def broker_security(settings: KafkaSettings) -> BaseSecurity:
    """Security of a `KafkaBroker`, from the same settings as all other clients."""
    encrypted = settings.security_protocol.endswith("SSL")
    context = tls_context(settings) if encrypted else None
    if not settings.security_protocol.startswith("SASL"):
        return BaseSecurity(ssl_context=context, use_ssl=encrypted)
    return _SASL[settings.sasl_mechanism](
        username=settings.sasl_username or "",
        password=settings.sasl_password.get_secret_value() if settings.sasl_password else "",
        ssl_context=context,
        use_ssl=encrypted,
    )
