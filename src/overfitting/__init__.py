"""What prevents overfitting, by how much, and how sure is that?"""
