"""The words of actions in French."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

TEXTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "common": MappingProxyType(
            {
                "approve": "Approuver",
                "decline": "Refuser",
                "agent": "Agent",
                "run": "Exécution",
                "purpose": "Motif",
                "validUntil": "Valable jusqu'au",
            }
        ),
        "payment": MappingProxyType(
            {
                "title": "Confirmer un paiement",
                "approve": "Confirmer le paiement",
                "decline": "Ne pas payer",
                "decimal": ",",
                "yes": "oui",
                "no": "non",
                "amount": "Montant",
                "estimated": "Montant estimé",
                "earmarked": "Montant bloqué immédiatement",
                "payee": "Bénéficiaire",
                "payeeId": "Identifiant du bénéficiaire",
                "website": "Site web du bénéficiaire",
                "account": "Compte débité",
                "executionDate": "Date d'exécution",
                "instant": "Virement instantané",
                "frequency": "Périodicité",
                "startDate": "Premier paiement",
                "endDate": "Dernier paiement",
                "number": "Nombre de paiements",
                "variable": "Montant variable",
                "minAmount": "Montant minimal",
                "maxAmount": "Montant maximal",
                "totalAmount": "Montant total",
                "initialAmount": "Montant initial",
                "initialNumber": "Paiements du montant initial",
                "apr": "Taux annuel effectif global",
                "pispName": "Service d'initiation de paiement",
                "pispBrand": "Marque de ce service",
                "pispDomain": "Domaine de ce service",
                "transaction": "Opération",
                "dateTime": "Commencé le",
                "INDA": "plusieurs fois par jour",
                "DAIL": "tous les jours",
                "WEEK": "toutes les semaines",
                "TOWK": "toutes les deux semaines",
                "TWMN": "deux fois par mois",
                "MNTH": "tous les mois",
                "TOMN": "tous les deux mois",
                "QUTR": "tous les trois mois",
                "FOMN": "tous les quatre mois",
                "SEMI": "deux fois par an",
                "YEAR": "tous les ans",
                "TYEA": "tous les deux ans",
            }
        ),
        "tool-call": MappingProxyType(
            {
                "title": "Exécuter un outil",
                "tool": "Outil",
            }
        ),
        "login": MappingProxyType(
            {
                "title": "Confirmer une connexion",
                "approve": "Se connecter",
                "decline": "Ne pas se connecter",
                "resource": "Où",
                "action": "Action",
                "service": "Service",
                "client": "Programme",
                "browser": "Navigateur",
                "place": "Lieu",
                "ipAddress": "Adresse IP",
                "dateTime": "Commencé le",
                "transaction": "Opération",
            }
        ),
        "document": MappingProxyType(
            {
                "title": "Approuver des documents",
                "resource": "Objet",
                "document": "Document",
                "size": "Taille",
                "bytes": "octets",
                "type": "Type",
                "sha256": "SHA-256",
                "url": "Adresse",
            }
        ),
    }
)
"""What all actions have, and what each type has: labels, titles and other texts by name."""
