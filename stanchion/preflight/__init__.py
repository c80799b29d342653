"""What must be true before anything is touched: pure functions from (declared, facts) to problems.

`declared` is what a role hands over, mostly its variables under their own names, so that a message can name
what people set. `facts` is what the module stack_facts returns. Each subject is one file with one function
`look(declared, facts)`; its top says what it wants declared, and which sources it reads.
"""

from stanchion.preflight.problem import Problem, errors, exit_of, text_of
from stanchion.preflight.reading import Declared, DeclaredError
from stanchion.preflight.subjects import SUBJECTS, Subject

__all__ = ["SUBJECTS", "Declared", "DeclaredError", "Problem", "Subject", "errors", "exit_of", "text_of"]
