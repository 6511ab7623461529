"""What organisers themselves write in the mails of their event, in the place of our words."""
