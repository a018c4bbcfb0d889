"""The words of actions in English."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

TEXTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "common": MappingProxyType(
            {
                "approve": "Approve",
                "decline": "Reject",
                "agent": "Agent",
                "run": "Run",
                "purpose": "Purpose",
                "validUntil": "Valid until",
            }
        ),
        "payment": MappingProxyType(
            {
                "title": "Confirm a payment",
                "approve": "Confirm payment",
                "decline": "Do not pay",
                "decimal": ".",
                "yes": "yes",
                "no": "no",
                "amount": "Amount",
                "estimated": "Amount is an estimate",
                "earmarked": "Amount is blocked at once",
                "payee": "Payee",
                "payeeId": "Payee's identifier",
                "website": "Payee's website",
                "account": "Paid from",
                "executionDate": "Execution date",
                "instant": "Instant transfer",
                "frequency": "Repeats",
                "startDate": "First payment",
                "endDate": "Last payment",
                "number": "Number of payments",
                "variable": "Amount may vary",
                "minAmount": "Least amount",
                "maxAmount": "Greatest amount",
                "totalAmount": "Total amount",
                "initialAmount": "Initial amount",
                "initialNumber": "Payments of the initial amount",
                "apr": "Annual percentage rate",
                "pispName": "Payment initiation service",
                "pispBrand": "Brand of this service",
                "pispDomain": "Domain of this service",
                "transaction": "Transaction",
                "dateTime": "Begun at",
                "INDA": "several times a day",
                "DAIL": "daily",
                "WEEK": "weekly",
                "TOWK": "every two weeks",
                "TWMN": "twice a month",
                "MNTH": "monthly",
                "TOMN": "every two months",
                "QUTR": "quarterly",
                "FOMN": "every four months",
                "SEMI": "twice a year",
                "YEAR": "yearly",
                "TYEA": "every two years",
            }
        ),
        "tool-call": MappingProxyType(
            {
                "title": "Run a tool",
                "tool": "Tool",
            }
        ),
        "login": MappingProxyType(
            {
                "title": "Confirm a log-in",
                "approve": "Log in",
                "decline": "Do not log in",
                "resource": "Where",
                "action": "Action",
                "service": "Service",
                "client": "Client",
                "browser": "Browser",
                "place": "Place",
                "ipAddress": "IP address",
                "dateTime": "Begun at",
                "transaction": "Transaction",
            }
        ),
        "document": MappingProxyType(
            {
                "title": "Approve documents",
                "resource": "Subject",
                "document": "Document",
                "size": "Size",
                "bytes": "bytes",
                "type": "Type",
                "sha256": "SHA-256",
                "url": "Address",
            }
        ),
    }
)
"""What all actions have, and what each type has: labels, titles and other texts by name."""
