"""One private key of each algorithm; RSA keys take long to make, and are made once."""

import base64
import sys
from pathlib import Path

import pytest

from counterseal.keys import PrivateKey, generate, ml_dsa, private_key
from counterseal.models import Algorithm

sys.path.insert(0, str(Path(__file__).parent))  # forged_tokens

# RFC 7515, A.3.1; RFC 8037, A.1; the seed of RFC 9964's examples.
SCALARS = {
    Algorithm.ES256: "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI=",
    Algorithm.ML_DSA_44: "A" * 43 + "=",
    Algorithm.EDDSA: "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=",
}


@pytest.fixture(scope="session")
def signers() -> dict[Algorithm, PrivateKey]:
    fixed = {
        algorithm: private_key(base64.urlsafe_b64decode(scalar), kid="kid-1", algorithm=algorithm)
        for algorithm, scalar in SCALARS.items()
        if algorithm is not Algorithm.ML_DSA_44 or ml_dsa.SUPPORTED
    }
    signers_ = {
        algorithm: generate(algorithm, kid="kid-1")
        for algorithm in (Algorithm.PS256, Algorithm.RS256)
    }
    return fixed | signers_
