"""Distances inside and between people, and how well they tell people apart."""
