"""Images under content tags: what goes into a tag, and who builds, hands over or receives an image.

Pure logic, but for context.py, which reads the build context on the controller. Hosts are asked by the module
image_state, and acted upon by the role container_image.
"""
