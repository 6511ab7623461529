"""What every room uses and which knows no other room: errors, time, tokens, keys, audit, idempotency, PDF."""
