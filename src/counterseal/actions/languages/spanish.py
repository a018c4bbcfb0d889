"""The words of actions in Spanish."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

TEXTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "common": MappingProxyType(
            {
                "approve": "Aprobar",
                "decline": "Rechazar",
                "agent": "Agente",
                "run": "Ejecución",
                "purpose": "Motivo",
                "validUntil": "Válido hasta",
            }
        ),
        "payment": MappingProxyType(
            {
                "title": "Confirmar un pago",
                "approve": "Confirmar el pago",
                "decline": "No pagar",
                "decimal": ",",
                "yes": "sí",
                "no": "no",
                "amount": "Importe",
                "estimated": "Importe estimado",
                "earmarked": "Importe retenido de inmediato",
                "payee": "Beneficiario",
                "payeeId": "Identificador del beneficiario",
                "website": "Sitio web del beneficiario",
                "account": "Cuenta de cargo",
                "executionDate": "Fecha de ejecución",
                "instant": "Transferencia inmediata",
                "frequency": "Periodicidad",
                "startDate": "Primer pago",
                "endDate": "Último pago",
                "number": "Número de pagos",
                "variable": "Importe variable",
                "minAmount": "Importe mínimo",
                "maxAmount": "Importe máximo",
                "totalAmount": "Importe total",
                "initialAmount": "Importe inicial",
                "initialNumber": "Pagos del importe inicial",
                "apr": "Tasa anual equivalente (TAE)",
                "pispName": "Servicio de iniciación de pagos",
                "pispBrand": "Marca de este servicio",
                "pispDomain": "Dominio de este servicio",
                "transaction": "Operación",
                "dateTime": "Iniciado el",
                "INDA": "varias veces al día",
                "DAIL": "cada día",
                "WEEK": "cada semana",
                "TOWK": "cada dos semanas",
                "TWMN": "dos veces al mes",
                "MNTH": "cada mes",
                "TOMN": "cada dos meses",
                "QUTR": "cada tres meses",
                "FOMN": "cada cuatro meses",
                "SEMI": "dos veces al año",
                "YEAR": "cada año",
                "TYEA": "cada dos años",
            }
        ),
        "tool-call": MappingProxyType(
            {
                "title": "Ejecutar una herramienta",
                "tool": "Herramienta",
            }
        ),
        "login": MappingProxyType(
            {
                "title": "Confirmar un inicio de sesión",
                "approve": "Iniciar sesión",
                "decline": "No iniciar sesión",
                "resource": "Dónde",
                "action": "Acción",
                "service": "Servicio",
                "client": "Programa",
                "browser": "Navegador",
                "place": "Lugar",
                "ipAddress": "Dirección IP",
                "dateTime": "Iniciado el",
                "transaction": "Operación",
            }
        ),
        "document": MappingProxyType(
            {
                "title": "Aprobar documentos",
                "resource": "Asunto",
                "document": "Documento",
                "size": "Tamaño",
                "bytes": "bytes",
                "type": "Tipo",
                "sha256": "SHA-256",
                "url": "Dirección",
            }
        ),
    }
)
"""What all actions have, and what each type has: labels, titles and other texts by name."""
