"""ftops manages fine-tuned OpenAI models the GitOps way."""

__version__ = "0.1.0"
