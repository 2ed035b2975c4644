"""Spreadsheets for people: tables with headers in Chinese or English, and a sheet that explains them.

``columns`` says what a table has, ``words`` what our codes are called, ``cells`` makes values safe to show, ``books``
writes workbooks, ``about`` their last sheet, and ``files`` tables of any format.
"""

from app.sheets.about import About, Fact
from app.sheets.books import MOST_SHEETS, Book, open_book
from app.sheets.cells import inert, link_of, web_address
from app.sheets.columns import Column, Lang, Words
from app.sheets.files import TABLES, table_format, whole, write_table
from app.sheets.words import EVENTS, LEVELS, PLACED, STATUSES

__all__ = [
    "EVENTS",
    "LEVELS",
    "MOST_SHEETS",
    "PLACED",
    "STATUSES",
    "TABLES",
    "About",
    "Book",
    "Column",
    "Fact",
    "Lang",
    "Words",
    "inert",
    "link_of",
    "open_book",
    "table_format",
    "web_address",
    "whole",
    "write_table",
]
