"""An installed environment judged by the rules, from outside."""
