"""The engine that draws faces: head, hair, skin, light and pixels."""
