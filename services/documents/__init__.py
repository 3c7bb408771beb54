"""documents owns bytes: what was uploaded under whose grant, its fingerprints, where it lies and who read it;
and it prints and seals receipts, of which it keeps nothing.

It never decides who may upload or read (the owner's grant does), looks at no deadline and opens no file.
"""
