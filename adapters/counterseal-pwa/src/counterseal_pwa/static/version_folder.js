/** The folder of this version's files, below the app's address; the build writes its name. */
export const FOLDER = "";
