"""How passwords are stored."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2Hasher(Argon2PasswordHasher):
    """Argon2id at OWASP's parameters (19 MiB, two passes): Django's take 100 MiB and eight times as long a login."""

    time_cost = 2
    memory_cost = 19456
    parallelism = 1
