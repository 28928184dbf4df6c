"""Secrets of others at rest: sealed with the newest of the operator's keys, opened with any.

A key is one of Fernet's: 32 bytes as URL-safe base64, AES-128-CBC with HMAC-SHA256 (cryptography
50.0.2, `fernet.py`, read 2026-11-21).
"""

from dataclasses import dataclass, field

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from app.errors import BadSettings

SETTING = "WARMCALL_ENCRYPTION_KEYS"


@dataclass(frozen=True, slots=True)
class Vault:
    """Seals and opens texts; `keys` are the newest first."""

    keys: tuple[str, ...] = field(repr=False)

    @staticmethod
    def parse(text: str) -> "Vault":
        """Read a comma list of keys. Raises ValueError that shows none of them."""
        keys = tuple(part.strip() for part in text.split(",") if part.strip())
        try:
            usable = [Fernet(key) for key in keys]
        except ValueError:
            usable = []
        if not usable:
            raise ValueError("expected keys as `warmcall encryption-key` prints them")
        return Vault(keys)

    def seal(self, secret: str) -> str:
        """Return a secret as it may be stored."""
        return Fernet(self.keys[0]).encrypt(secret.encode()).decode()

    def open(self, sealed: str) -> str:
        """Return the secret again. Raises BadSettings when no key fits."""
        try:
            return MultiFernet([Fernet(key) for key in self.keys]).decrypt(sealed).decode()
        except (InvalidToken, ValueError) as exc:
            raise BadSettings(
                f"{SETTING}: no key opens what is stored; put the key back that sealed it, "
                "behind the newest one."
            ) from exc

    def renewed(self, sealed: str) -> str | None:
        """Seal anew what an older key has sealed; None when the newest one has.

        Raises BadSettings when no key fits.
        """
        try:
            Fernet(self.keys[0]).decrypt(sealed)
        except (InvalidToken, ValueError):
            return self.seal(self.open(sealed))
        return None


def new_key() -> str:
    """Return a new key."""
    return Fernet.generate_key().decode()
