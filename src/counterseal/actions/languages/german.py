"""The words of actions in German."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

TEXTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "common": MappingProxyType(
            {
                "approve": "Genehmigen",
                "decline": "Ablehnen",
                "agent": "Agent",
                "run": "Lauf",
                "purpose": "Zweck",
                "validUntil": "Gültig bis",
            }
        ),
        "payment": MappingProxyType(
            {
                "title": "Eine Zahlung bestätigen",
                "approve": "Zahlung bestätigen",
                "decline": "Nicht zahlen",
                "decimal": ",",
                "yes": "ja",
                "no": "nein",
                "amount": "Betrag",
                "estimated": "Betrag ist geschätzt",
                "earmarked": "Betrag wird sofort reserviert",
                "payee": "Empfänger",
                "payeeId": "Kennung des Empfängers",
                "website": "Website des Empfängers",
                "account": "Zahlung von",
                "executionDate": "Ausführung am",
                "instant": "Echtzeitüberweisung",
                "frequency": "Wiederholung",
                "startDate": "Erste Zahlung",
                "endDate": "Letzte Zahlung",
                "number": "Anzahl der Zahlungen",
                "variable": "Betrag kann sich ändern",
                "minAmount": "Mindestbetrag",
                "maxAmount": "Höchstbetrag",
                "totalAmount": "Gesamtbetrag",
                "initialAmount": "Anfänglicher Betrag",
                "initialNumber": "Zahlungen des anfänglichen Betrags",
                "apr": "Effektiver Jahreszins",
                "pispName": "Zahlungsauslösedienst",
                "pispBrand": "Marke dieses Dienstes",
                "pispDomain": "Domain dieses Dienstes",
                "transaction": "Vorgang",
                "dateTime": "Begonnen am",
                "INDA": "mehrmals am Tag",
                "DAIL": "täglich",
                "WEEK": "wöchentlich",
                "TOWK": "alle zwei Wochen",
                "TWMN": "zweimal im Monat",
                "MNTH": "monatlich",
                "TOMN": "alle zwei Monate",
                "QUTR": "vierteljährlich",
                "FOMN": "alle vier Monate",
                "SEMI": "halbjährlich",
                "YEAR": "jährlich",
                "TYEA": "alle zwei Jahre",
            }
        ),
        "tool-call": MappingProxyType(
            {
                "title": "Ein Werkzeug ausführen",
                "tool": "Werkzeug",
            }
        ),
        "login": MappingProxyType(
            {
                "title": "Eine Anmeldung bestätigen",
                "approve": "Anmelden",
                "decline": "Nicht anmelden",
                "resource": "Wo",
                "action": "Vorhaben",
                "service": "Dienst",
                "client": "Programm",
                "browser": "Browser",
                "place": "Ort",
                "ipAddress": "IP-Adresse",
                "dateTime": "Begonnen am",
                "transaction": "Vorgang",
            }
        ),
        "document": MappingProxyType(
            {
                "title": "Dokumente genehmigen",
                "resource": "Betreff",
                "document": "Dokument",
                "size": "Größe",
                "bytes": "Byte",
                "type": "Art",
                "sha256": "SHA-256",
                "url": "Adresse",
            }
        ),
    }
)
"""What all actions have, and what each type has: labels, titles and other texts by name."""
