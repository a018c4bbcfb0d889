"""The authorities that certificates of called servers need: the machine's, and those of a file."""

from __future__ import annotations

import logging
import re
import ssl
import threading
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import attrs
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

import counterseal_http as http
from counterseal.errors import InvalidField
from counterseal.ports import Clock
from counterseal.wire.members import format_time
from counterseal.wire.visible import visible
from counterseal_server import files

FIELD = "ca_file"

LIMIT = 1_048_576
"""Bytes; the file of all authorities that browsers trust has some 250,000."""

DESCRIPTIONS = 3
"""How many certificates an error describes."""

_HEAD = re.compile(rb"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----")

log = logging.getLogger("counterseal_server")


@attrs.frozen
class AddedCertificate:
    """
    A certificate of the file.

    Attributes:
        subject: Whose it is (RFC 4514), without invisible characters.
        begins_at: Before, it is not valid.
        ends_at: Afterwards, it is not valid.
        der: The certificate, DER.
    """

    subject: str
    begins_at: datetime
    ends_at: datetime
    der: bytes = attrs.field(repr=False)

    def describe_validity(self, now: datetime) -> str:
        """Return the subject, and when it ends or, if that is after *now*, begins."""
        if now < self.begins_at:
            return f"{self.subject} begins at {format_time(self.begins_at)}"
        return f"{self.subject} {'ended' if self.has_ended(now) else 'ends'} at {self.end}"

    @property
    def end(self) -> str:
        """The time of its end, as it is printed."""
        return format_time(self.ends_at)

    def has_ended(self, now: datetime) -> bool:
        """Return whether it has expired."""
        return self.ends_at < now

    def is_valid(self, now: datetime) -> bool:
        """Return whether its time has begun and not ended."""
        return self.begins_at <= now <= self.ends_at


class AddedAuthorities:
    """
    The authorities of a file, which are trusted beside those of the machine.

    The file is read once, so a file that is changed later has an effect at the next start.

    Args:
        file: Certificates, PEM; None adds none.
        clock: The time at which one of them has to be valid.
        field: The name of the setting in errors.
    """

    def __init__(self, file: Path | None, clock: Clock, *, field: str = FIELD) -> None:
        self._file = file
        self._clock = clock
        self._field = field
        self._certificates: tuple[AddedCertificate, ...] | None = None
        self._lock = threading.Lock()

    def read(self) -> tuple[AddedCertificate, ...]:
        """
        Return the certificates of the file.

        Raises:
            InvalidField: The file cannot be read, is empty, contains something that is not a
                certificate, or none that is valid now.
        """
        with self._lock:
            if self._certificates is None:
                self._certificates = () if self._file is None else self._parse_file(self._file)
            return self._certificates

    def load(self) -> ssl.SSLContext:
        """
        Return the TLS context that trusts the machine's authorities and those of the file.

        Raises:
            NotAttempted: The file is not as `read` demands, or the machine's certificates cannot
                be read.
        """
        try:
            certificates = self.read()
        except InvalidField as error:
            raise http.NotAttempted(str(error)) from None
        if not certificates:
            return http.load_machine_authorities()
        return http.load_authorities(_join(certificates))

    def list_ended(self) -> list[AddedCertificate]:
        """Return the certificates that have expired; errors as in `read`."""
        now = self._clock.now()
        return [certificate for certificate in self.read() if certificate.has_ended(now)]

    def _parse_file(self, file: Path) -> tuple[AddedCertificate, ...]:
        data = files.read(str(file), field=self._field, limit=LIMIT)
        if not data.strip():
            raise InvalidField(self._field, f"{file} is empty")
        starts = [match.start() for match in _HEAD.finditer(data)]
        if not starts:
            raise InvalidField(self._field, f"{file} contains no certificate in PEM")
        certificates = []
        for number, (start, end) in enumerate(pairwise([*starts, len(data)]), 1):
            try:
                certificates.append(_parse(data[start:end]))
            except ValueError:
                problem = f"certificate {number} of {file} cannot be read"
                raise InvalidField(self._field, problem) from None
        try:
            http.add_certificates(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), _join(certificates))
        except ValueError as error:
            raise InvalidField(self._field, f"{file}: {error}") from None
        self._demand_valid(file, certificates)
        return tuple(certificates)

    def _demand_valid(self, file: Path, certificates: list[AddedCertificate]) -> None:
        now = self._clock.now()
        if any(certificate.is_valid(now) for certificate in certificates):
            return
        problem = f"no certificate of {file} is valid now"
        if all(certificate.has_ended(now) for certificate in certificates):
            problem = f"every certificate of {file} has expired"
        descriptions = [
            certificate.describe_validity(now) for certificate in certificates[:DESCRIPTIONS]
        ]
        if len(certificates) > DESCRIPTIONS:
            descriptions.append(f"and {len(certificates) - DESCRIPTIONS} more")
        raise InvalidField(self._field, f"{problem}: {'; '.join(descriptions)}")


def warn_of_ended(authorities: AddedAuthorities) -> None:
    """
    Log a warning for each certificate of the file that has expired, beside one that has not.

    Raises:
        InvalidField: As in `AddedAuthorities.read`.
    """
    for certificate in authorities.list_ended():
        log.warning("%s: %s has expired, at %s", FIELD, certificate.subject, certificate.end)


def _parse(block: bytes) -> AddedCertificate:
    certificate = x509.load_pem_x509_certificate(block)
    return AddedCertificate(
        visible(certificate.subject.rfc4514_string()) or "a certificate without a subject",
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
        certificate.public_bytes(Encoding.DER),
    )


def _join(certificates: list[AddedCertificate] | tuple[AddedCertificate, ...]) -> bytes:
    return b"".join(certificate.der for certificate in certificates)
