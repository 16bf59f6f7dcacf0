"""
A search on real data, and its picture
======================================

x
"""
print(1)
