"""A Twilio of one's own, its TwiML Bins: documents that it hosts itself, as templates over a request's parameters (Twilio's
documentation, "TwiML Bins"; help centre, "How to use templates with TwiML Bins"): names, and sections that depend on whether a
parameter is there."""

from __future__ import annotations

import re
from collections.abc import Mapping

_SECTION = re.compile(r"\{\{([#^])(\w+)\}\}(.*?)\{\{/\2\}\}", re.DOTALL)
_NAME = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def text(template: str, form: Mapping[str, str]) -> str:
    """The document for a request with these parameters."""
    chosen = _SECTION.sub(lambda found: found[3] if bool(form.get(found[2])) == (found[1] == "#") else "", template)
    return _NAME.sub(lambda found: form.get(found[1], ""), chosen)
