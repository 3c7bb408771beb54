"""A receipt as a document that people keep: its page, its seal, and how both are checked.

The receipt's file is what counts and lies in the PDF as an attachment; the page says the same to people, and the seal lets a PDF
reader notice when somebody changed it.
"""
