"""ID tokens: read from what the token endpoint answered, and checked before they name anybody."""

from __future__ import annotations

import attrs

from counterseal.models import IdpSettings
from counterseal.ports import Clock
from counterseal_http import Budget
from counterseal_oidc import claims
from counterseal_oidc.asking import Answer
from counterseal_oidc.discovery import Metadata
from counterseal_oidc.jose import Token, demand_algorithm, read_token
from counterseal_oidc.key_sets import KeySets


@attrs.frozen
class IdTokens:
    """
    Checks ID tokens, each in every way; may be shared by threads.

    Args:
        keys: Verify them.
        clock: Judges their times.
    """

    keys: KeySets
    clock: Clock

    def of(
        self,
        settings: IdpSettings,
        metadata: Metadata,
        answer: Answer,
        left: Budget,
        *,
        nonce: str | None,
    ) -> Token | None:
        """
        Return the answer's ID token, which holds; None if there is none.

        Args:
            settings: Whose it has to be, and for whom.
            metadata: Of the provider that answered.
            answer: Of its token endpoint.
            left: How long the provider is waited for.
            nonce: Of the log-in that it answers; None where it answers a refresh.

        Raises:
            Unproven: It does not hold; each way has its own class.
            IdentityUnavailable: The keys cannot be read.
        """
        text = answer.text("id_token")
        if text is None:
            return None
        token = read_token(text)
        demand_algorithm(token, settings.algorithms)
        claims.check_id_token(
            token,
            settings,
            self.clock.now(),
            nonce=nonce,
            access_token=answer.text("access_token"),
        )
        self.keys.verify(token, metadata, left)
        return token
