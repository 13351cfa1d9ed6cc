"""ftops manages fine-tuned OpenAI models the GitOps way."""

from ftops.version import __version__ as __version__
