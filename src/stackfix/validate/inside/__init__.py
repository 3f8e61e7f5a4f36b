"""What runs inside the target interpreter: Python 3.8 and later, numpy and cv2, nothing of stackfix."""
