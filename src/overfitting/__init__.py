"""What prevents overfitting, by how much, and how sure is that?"""

import overfitting.training.remedies  # noqa: F401  (declares what a variant can set, before a configuration is read)
