"""What prevents overfitting, by how much, and how sure is that?"""

import os

# silences the start-up notes of TensorFlow's C++ part, not its warnings; it is read when tensorflow is imported
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
