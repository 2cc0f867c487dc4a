"""From a roster to assignments: ordered rules, one verdict for everybody and everything."""

from provisioner.assign.build import cover
from provisioner.assign.model import Assignment, Coverage, RulesAt, Second, Verdict

__all__ = ["Assignment", "Coverage", "RulesAt", "Second", "Verdict", "cover"]
