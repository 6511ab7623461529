"""Others' programs that are told what happened: signed requests, by the Standard Webhooks specification."""
