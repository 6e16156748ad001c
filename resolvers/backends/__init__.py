"""The engines that hold data: one dialect and one back end per engine. They know no caller and no policy."""
