"""The words of actions in Italian."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

TEXTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "common": MappingProxyType(
            {
                "approve": "Approva",
                "decline": "Rifiuta",
                "agent": "Agente",
                "run": "Esecuzione",
                "purpose": "Motivo",
                "validUntil": "Valido fino al",
            }
        ),
        "payment": MappingProxyType(
            {
                "title": "Conferma un pagamento",
                "approve": "Conferma il pagamento",
                "decline": "Non pagare",
                "decimal": ",",
                "yes": "sì",
                "no": "no",
                "amount": "Importo",
                "estimated": "Importo stimato",
                "earmarked": "Importo bloccato subito",
                "payee": "Beneficiario",
                "payeeId": "Identificativo del beneficiario",
                "website": "Sito web del beneficiario",
                "account": "Conto di addebito",
                "executionDate": "Data di esecuzione",
                "instant": "Bonifico istantaneo",
                "frequency": "Frequenza",
                "startDate": "Primo pagamento",
                "endDate": "Ultimo pagamento",
                "number": "Numero di pagamenti",
                "variable": "Importo variabile",
                "minAmount": "Importo minimo",
                "maxAmount": "Importo massimo",
                "totalAmount": "Importo totale",
                "initialAmount": "Importo iniziale",
                "initialNumber": "Pagamenti dell'importo iniziale",
                "apr": "Tasso annuo effettivo globale",
                "pispName": "Servizio di disposizione di ordini di pagamento",
                "pispBrand": "Marchio di questo servizio",
                "pispDomain": "Dominio di questo servizio",
                "transaction": "Operazione",
                "dateTime": "Iniziato il",
                "INDA": "più volte al giorno",
                "DAIL": "ogni giorno",
                "WEEK": "ogni settimana",
                "TOWK": "ogni due settimane",
                "TWMN": "due volte al mese",
                "MNTH": "ogni mese",
                "TOMN": "ogni due mesi",
                "QUTR": "ogni tre mesi",
                "FOMN": "ogni quattro mesi",
                "SEMI": "due volte all'anno",
                "YEAR": "ogni anno",
                "TYEA": "ogni due anni",
            }
        ),
        "tool-call": MappingProxyType(
            {
                "title": "Esegui uno strumento",
                "tool": "Strumento",
            }
        ),
        "login": MappingProxyType(
            {
                "title": "Conferma un accesso",
                "approve": "Accedi",
                "decline": "Non accedere",
                "resource": "Dove",
                "action": "Azione",
                "service": "Servizio",
                "client": "Programma",
                "browser": "Browser",
                "place": "Luogo",
                "ipAddress": "Indirizzo IP",
                "dateTime": "Iniziato il",
                "transaction": "Operazione",
            }
        ),
        "document": MappingProxyType(
            {
                "title": "Approva documenti",
                "resource": "Oggetto",
                "document": "Documento",
                "size": "Dimensione",
                "bytes": "byte",
                "type": "Tipo",
                "sha256": "SHA-256",
                "url": "Indirizzo",
            }
        ),
    }
)
"""What all actions have, and what each type has: labels, titles and other texts by name."""
