"""What patmatch talks about: records, matches between them, and what is remembered of reaching out.

Every public name of the three modules is a name of this package: none of them holds anything that is not for all.
"""

from app.domain.matching import *  # noqa: F403
from app.domain.outreach import *  # noqa: F403
from app.domain.records import *  # noqa: F403
